"""The board's pictures, one kind a file, drawn with numpy; Pillow only sets the text."""
