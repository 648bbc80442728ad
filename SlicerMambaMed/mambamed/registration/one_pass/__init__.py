"""Registration by a one-pass network: images onto its grid, prediction, and its field back on the images' own grids."""
