#!/bin/sh
# The native kernels under sanitizers.
#
#   tests/kernels/sanitize.sh address    extension and driver under AddressSanitizer and UndefinedBehaviorSanitizer
#   tests/kernels/sanitize.sh thread     pool and kernels under ThreadSanitizer, through the driver
#   tests/kernels/sanitize.sh wide       no sanitizer: the kernel tests on the code of 16 lanes, floats and integers, whatever the processor
#
# Needs g++ (its sanitizer runtimes come with it) and a virtual environment, .venv or $VENV, with the build and test tools.
# More arguments go to pytest.
set -eu

cd "$(dirname "$0")/../.."
venv=$(cd "${VENV:-.venv}" && pwd)
PATH="$venv/bin:$PATH"
CXX=${CXX:-g++}
export CXX
jobs=${JOBS:-2}
what=${1:?address, thread or wide}
shift
native=src/steepest/kernels/native
fixed=""
digits="-DSTEEPEST_LANES=16 -DSTEEPEST_DIGITS" # the products of bytes in integers, spelled out for any processor

# The driver of the pool and the kernels, one program without Python.
driver() { # name, flags
  mkdir -p build/sanitize
  echo "building build/sanitize/$1" >&2
  # shellcheck disable=SC2086
  $CXX -std=c++20 -g1 -O1 -fno-omit-frame-pointer -Wno-psabi -DSTEEPEST_ISA=steepest_portable $2 \
    -o "build/sanitize/$1" tests/kernels/native/driver.cpp $native/sweep.cpp $native/network.cpp $native/moments.cpp $native/gram.cpp $native/sparse.cpp $native/coordinate.cpp $native/ascent.cpp $native/neighbors.cpp $native/order.cpp $native/pool.cpp -pthread
}

# A sanitizer that finds nothing may as well not run: each mistake must be reported.
catches() { # name, mistakes
  name=$1
  shift
  for mistake in "$@"; do
    if $fixed "./build/sanitize/$name" "$mistake" >"build/sanitize/$mistake.log" 2>&1 || ! grep -Eq 'Sanitizer|runtime error' "build/sanitize/$mistake.log"; then
      echo "the sanitizer did not catch the mistake '$mistake'" >&2
      exit 1
    fi
  done
  echo "caught, as it should be: $*"
}

# The extension at every level, and at 16 lanes: build/sanitize/NAME holds it.
extension() { # name, more options
  name=$1
  shift
  cmake -S . -B "build/sanitize/$name" -G Ninja -DSTEEPEST_WIDE=ON -DPython_EXECUTABLE="$venv/bin/python" "$@" >/dev/null
  cmake --build "build/sanitize/$name" -j "$jobs" >build/sanitize/$name.log 2>&1 || { cat build/sanitize/$name.log >&2; exit 1; }
  STEEPEST_TEST_NATIVE=$(ls "$PWD/build/sanitize/$name"/_native*.so)
  export STEEPEST_TEST_NATIVE
}

case $what in
address)
  driver address "-fsanitize=address,undefined -fno-sanitize-recover=all"
  ./build/sanitize/address
  driver address-digits "-fsanitize=address,undefined -fno-sanitize-recover=all $digits"
  ./build/sanitize/address-digits
  catches address overflow undefined
  extension python-address -DCMAKE_BUILD_TYPE=None -DSTEEPEST_SANITIZE=address,undefined -DCMAKE_CXX_FLAGS=-fno-sanitize-recover=all
  # libstdc++ comes with it, or the runtime does not find what it wraps. Python itself leaks by design.
  ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:abort_on_error=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    LD_PRELOAD="$($CXX -print-file-name=libasan.so) $($CXX -print-file-name=libstdc++.so)" PYTHONMALLOC=malloc STEEPEST_TEST_EXAMPLES="${EXAMPLES:-5}" \
    python -m pytest tests/kernels -q -n "$jobs" -p no:cacheprovider -m "not slow" "$@"
  ;;
thread)
  mkdir -p build/sanitize
  echo "building build/sanitize/drivers-thread" >&2
  cmake -S . -B build/sanitize/drivers-thread -G Ninja -DCMAKE_BUILD_TYPE=None -DPython_EXECUTABLE="$venv/bin/python" -DSTEEPEST_WIDE=ON \
    -DSTEEPEST_SANITIZE=thread -DSTEEPEST_DRIVERS="portable;widevnni" >/dev/null
  cmake --build build/sanitize/drivers-thread -j "$jobs" --target driver_portable driver_widevnni >build/sanitize/drivers-thread.log 2>&1 ||
    { cat build/sanitize/drivers-thread.log >&2; exit 1; }
  # Some kernels place memory where the runtime cannot follow; without randomized addresses it always can.
  fixed=$(command -v setarch >/dev/null && setarch "$(uname -m)" -R true 2>/dev/null && echo "setarch $(uname -m) -R" || true)
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  export TSAN_OPTIONS
  $fixed ./build/sanitize/drivers-thread/driver_portable
  $fixed ./build/sanitize/drivers-thread/driver_widevnni
  catches drivers-thread/driver_portable race barrier
  ;;
wide)
  mkdir -p build/sanitize
  extension python-wide -DCMAKE_BUILD_TYPE=Release
  python -m pytest tests/kernels -q -n "$jobs" -m "not slow" "$@"
  ;;
*)
  echo "address, thread or wide, not $what" >&2
  exit 2
  ;;
esac
