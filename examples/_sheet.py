"""What the examples share: two options of the command line, and one way to draw."""

import argparse
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

# Okabe and Ito's colours: told apart by nearly everyone, and in grey by their lightness.
BLUE, ORANGE, GREEN, RED, SKY, YELLOW, PINK, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#F0E442", "#CC79A7", "#7F7F7F",
)  # fmt: skip

mpl.rcParams.update(
    {
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#444444",
        "axes.axisbelow": True,
        "grid.color": "#E4E4E4",
        "lines.linewidth": 2,
        "legend.frameon": False,
        "savefig.dpi": 150,
    }
)


def options(description, **own):
    """Read the command line: --out, --quick, and an option for each default of the example's own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder for the picture (pictures)")
    parser.add_argument("--quick", action="store_true", help="a smaller experiment, of a second or two")
    for name, default in own.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"({default})")
    return parser.parse_args()


def sheet(title, width, height):
    """Return an empty figure, in inches, with the finding as its title."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.07, wspace=0.03, hspace=0.03)
    figure.suptitle(title, x=0.012, ha="left", fontsize=14, fontweight="bold")
    return figure


def save(figure, folder, name):
    """Write the picture and say where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path)
    print(f"picture: {path}")
