/** `npm run bench [-- ARGS]`: installs and builds where needed, then runs the benchmark suite. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, root, run } from './setup.mjs';

await run(async () => {
  await ensureInstalled();
  await ensureBuilt();
  const args = ['--expose-gc', '--import', 'tsx', join(root, 'bench', 'run.ts'), ...process.argv.slice(2)];
  const result = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  process.exitCode = result.status ?? 1;
});
