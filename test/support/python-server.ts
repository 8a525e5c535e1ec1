/** A process of its own that holds two Python sessions and waits to be killed. Prints the pids that must not survive. */
import { PythonWorld } from './python-world.js';
import { join } from 'node:path';

const world = await PythonWorld.open({ runDir: join(process.argv[2] ?? '', 'run') });
const first = await world.session();
const second = await world.session();
const code = `import os, subprocess
p = subprocess.Popen(['setsid', 'sleep', '300'])
[os.getppid(), os.getpid(), p.pid]`;
const pids = (await Promise.all([first.value(code), second.value(code)])).flatMap(
  (text) => JSON.parse(text) as number[],
);
void first.run('while True: pass');
process.stdout.write(`${JSON.stringify(pids)}\n`);
