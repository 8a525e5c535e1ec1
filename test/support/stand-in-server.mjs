/**
 * What a process manager sees of a server, and nothing else: word in the data folder, and an answer to its health
 * check. `MODE` says how it misbehaves.
 */
import { createServer } from 'node:http';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const dataDir = process.argv[2];
const mode = process.env.MODE ?? '';
const path = join(dataDir, 'runtime.json');

if (mode === 'fails') {
  console.error('something else went on before');
  console.error('sojourn: port 8765 is taken; choose another --port.');
  process.exit(1);
}

const server = createServer((_request, response) => {
  response.setHeader('Connection', 'close');
  if (mode === 'mute') return;
  response.end(JSON.stringify({ status: 'ok', pid: process.pid }));
});
server.listen(0, '127.0.0.1', () => {
  if (mode === 'never announces') return;
  const url = `http://127.0.0.1:${server.address().port}`;
  const word = { pid: process.pid, url, token: null, version: '0', started_at: new Date().toISOString() };
  writeFileSync(`${path}.tmp`, JSON.stringify(word), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
});
process.on('SIGTERM', () => {
  if (mode === 'stubborn') return;
  rmSync(path, { force: true });
  process.exit(0);
});
