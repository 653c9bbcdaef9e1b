"""One file a revision, none of which imports `tables`: a revision must not change with them."""
