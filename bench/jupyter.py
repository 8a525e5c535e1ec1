"""Times a Jupyter kernel: from its start to a first result, and a round trip. Prints JSON; needs jupyter_client.

Arguments: the code whose result is waited for, how many starts, how many round trips.
"""

import json
import sys
import time

from jupyter_client.manager import start_new_kernel


def run(client, code):
    """Returns when the result, the reply and the end of the run have been heard."""
    message = client.execute(code)
    while True:
        heard = client.get_iopub_msg(timeout=60)
        if heard['parent_header'].get('msg_id') != message:
            continue
        if heard['msg_type'] == 'error':
            raise SystemExit(heard['content']['evalue'])
        if heard['msg_type'] == 'status' and heard['content']['execution_state'] == 'idle':
            break
    while client.get_shell_msg(timeout=60)['parent_header'].get('msg_id') != message:
        pass


def milliseconds(work):
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def start_and_run(code):
    manager, client = start_new_kernel(kernel_name='python3')
    try:
        run(client, code)
    finally:
        kernels.append((manager, client))


code, starts, trips = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
kernels = []
found = {'start_ms': [milliseconds(lambda: start_and_run(code)) for _ in range(starts)]}
last = kernels[-1][1]
for _ in range(20):
    run(last, '1+1')
found['round_trip_ms'] = [milliseconds(lambda: run(last, '1+1')) for _ in range(trips)]
for manager, client in kernels:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(json.dumps(found))
