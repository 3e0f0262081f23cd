import time


class Sheet:
    """Another one than that of `helpers`."""


class Page(Sheet):
    def turn(self):
        time.sleep(5)
