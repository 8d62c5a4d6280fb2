"""The board's figures, one file for each kind, drawn with numpy; Pillow renders only the text."""
