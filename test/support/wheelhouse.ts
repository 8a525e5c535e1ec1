/** A folder of packages, made on the spot: wheels written by hand, and sources that run what a test wants. */
import { execFile } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { promisify } from 'node:util';
import { pythonExecutable } from './needs.js';
import { temporaryFolder } from './temporary-folder.js';

export interface WheelSpec {
  readonly name: string;
  readonly version: string;
  /** Path inside the wheel to content. */
  readonly files: Readonly<Record<string, string>>;
  readonly requires?: readonly string[];
}
export interface SourceSpec {
  readonly name: string;
  readonly version: string;
  /** What runs when it is built. */
  readonly setup: string;
}

const script = `
import io, json, sys, tarfile, zipfile
folder, specs = sys.argv[1], json.load(sys.stdin)
for spec in specs:
    base = '%s-%s' % (spec['name'].replace('-', '_'), spec['version'])
    meta = 'Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n' % (spec['name'], spec['version'])
    if 'setup' in spec:
        with tarfile.open(folder + '/' + spec['name'] + '-' + spec['version'] + '.tar.gz', 'w:gz') as tar:
            for name, text in {'setup.py': spec['setup'], 'PKG-INFO': meta}.items():
                entry = tarfile.TarInfo(base + '/' + name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        continue
    info = base + '.dist-info/'
    files = dict(spec['files'])
    files[info + 'METADATA'] = meta + ''.join('Requires-Dist: %s\\n' % one for one in spec.get('requires', []))
    files[info + 'WHEEL'] = 'Wheel-Version: 1.0\\nGenerator: by hand\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'
    files[info + 'RECORD'] = ''.join('%s,,\\n' % name for name in [*files, info + 'RECORD'])
    with zipfile.ZipFile(folder + '/' + base + '-py3-none-any.whl', 'w') as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
`;

/** The folder with all of them in it. */
export async function wheelhouse(specs: readonly (WheelSpec | SourceSpec)[]): Promise<string> {
  const folder = await temporaryFolder('wheels');
  // Installers run under uids of their own.
  await chmod(folder, 0o755);
  await addWheels(folder, specs);
  return folder;
}

export async function addWheels(folder: string, specs: readonly (WheelSpec | SourceSpec)[]): Promise<void> {
  const running = promisify(execFile)(pythonExecutable, ['-c', script, folder]);
  running.child.stdin?.end(JSON.stringify(specs));
  await running;
}
