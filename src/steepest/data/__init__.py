"""x_i, y_i: data sets, their readers, toy problems, splits."""
