"""Tasks as classes: a list of operations, run one after another, with retries."""
