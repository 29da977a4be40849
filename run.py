#!/usr/bin/env python3
"""Set everything up and run it: ``python3 run.py``; test it: ``python3 run.py test``.

Needs nothing but Python; ``--help`` tells more. This file keeps to syntax that old interpreters can read,
so that they get an answer too.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (older ones do start this file)
    sys.exit(
        "This needs Python 3.11 or newer, and this is Python %d.%d.\n"  # noqa: UP031
        "Install a newer one and start it by its name, for example:  python3.12 run.py" % sys.version_info[:2]
    )

from bootstrap.command_line import main  # only a new enough Python can read it

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
