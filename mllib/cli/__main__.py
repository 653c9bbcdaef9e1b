"""`python -m mllib.cli` is `candleloop`."""

from mllib.cli import main

main()
