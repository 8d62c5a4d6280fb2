"""The sources of images, each in a file of its own."""
