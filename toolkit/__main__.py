"""`python -m toolkit` is the command `zhengce`."""

import sys

from toolkit.cli import main

sys.exit(main())
