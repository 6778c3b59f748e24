"""Runs other migration tools and Whimbrel side by side over the same files."""
