"""`python -m bossline`, where no command of that name is on the path."""

from bossline.cli import main

if __name__ == "__main__":
    main()
