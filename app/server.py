"""Streamlit with our log, one JSON object a line; Streamlit's own lines stay as it writes them."""

from streamlit.web.cli import main

from mllib.logs import log_as_json

if __name__ == "__main__":
    log_as_json()
    main(prog_name="streamlit")
