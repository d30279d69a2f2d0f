"""`python -m kaug`: the command line."""

import sys

from kaug._cli import main

if __name__ == "__main__":
    sys.exit(main())
