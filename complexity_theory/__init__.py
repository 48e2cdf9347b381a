"""What scaling a convolutional network costs: in closed form, in exact integers, and in measured time."""
