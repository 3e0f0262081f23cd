"""`python -m riata` is the `riata` command."""

import sys

from riata.cli import main

if __name__ == "__main__":
    sys.exit(main())
