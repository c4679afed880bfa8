"""What is special about one thing: the railway, the mining corridor, border markets."""
