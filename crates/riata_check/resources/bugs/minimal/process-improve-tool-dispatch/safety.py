from concurrent.futures import ProcessPoolExecutor

POOL = ProcessPoolExecutor(max_workers=1)


def compute(name, arguments):
    return {"tool": name, **arguments}


def run_safely(name, arguments):
    future = POOL.submit(compute, name, arguments)
    return future.result(timeout=30)
