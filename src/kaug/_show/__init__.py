"""What notebooks and plots show."""
