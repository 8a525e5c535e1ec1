/**
 * One server a data folder: claims it with a lock that dies with the process, keeps the token there, and leaves word
 * of where the server can be found.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SojournError } from '../types/errors.js';
import type { RuntimeInfo } from '../types/managers.js';
import type { Disposable, IFiles, IIds } from '../types/ports.js';
import { readRuntime } from './runtime-info.js';

export interface DirectoryServices {
  readonly files: IFiles;
  readonly ids: IIds;
}

export interface Claim extends Disposable {
  /** The folder's token, made at first use and kept readable for its owner alone. */
  token(): Promise<string>;
  /** Leaves runtime.json for clients; it goes with the claim. */
  announce(info: RuntimeInfo): Promise<void>;
}

/** @throws storage_error when another server has the folder, or it cannot be written */
export async function claimDataDirectory(dataDir: string, services: DirectoryServices): Promise<Claim> {
  const { files } = services;
  try {
    await files.makeDirectory(dataDir, 0o700);
  } catch (cause) {
    throw unusable(dataDir, cause);
  }
  const lock = await takeLock(dataDir, files);
  return new DirectoryClaim(dataDir, lock, services);
}

/**
 * SQLite's exclusive lock is the operating system's: it vanishes with the process, however that ends, and holds
 * between two claims of one process too.
 */
async function takeLock(dataDir: string, files: IFiles): Promise<Database.Database> {
  let lock: Database.Database | undefined;
  try {
    lock = new Database(join(dataDir, 'server.lock'), { timeout: 0 });
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    if (!(cause instanceof Database.SqliteError) || !cause.code.startsWith('SQLITE_BUSY'))
      throw unusable(dataDir, cause);
    const other = await readRuntime(dataDir, files);
    const who = other ? `a server with pid ${other.pid} at ${other.url}` : 'another process';
    const detail = `${dataDir} is in use by ${who}; use that one (\`sojourn status\`), stop it, or give another --data-dir.`;
    throw new SojournError(
      'storage_error',
      detail,
      { data_dir: dataDir, pid: other?.pid, url: other?.url },
      { cause },
    );
  }
}

function unusable(dataDir: string, cause: unknown): SojournError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const detail = `The data folder ${dataDir} cannot be used (${reason}); check its permissions or give another --data-dir.`;
  return new SojournError('storage_error', detail, { data_dir: dataDir }, { cause });
}

class DirectoryClaim implements Claim {
  private announced = false;
  private released = false;

  constructor(
    private readonly dataDir: string,
    private readonly lock: Database.Database,
    private readonly services: DirectoryServices,
  ) {}

  async token(): Promise<string> {
    const { files, ids } = this.services;
    const path = join(this.dataDir, 'token');
    const found = await files.stat(path);
    if (found?.type === 'file') {
      const token = new TextDecoder().decode(await files.read(path)).trim();
      // Written again with the right mode if somebody opened it up, or cut it short.
      const usable = /^\S{16,512}$/.test(token);
      if (usable && (found.mode & 0o077) === 0) return token;
      if (usable) return this.keep(path, token);
    }
    return this.keep(path, ids.secret());
  }

  async announce(info: RuntimeInfo): Promise<void> {
    this.announced = true;
    await this.services.files.writeAtomic(
      join(this.dataDir, 'runtime.json'),
      `${JSON.stringify(info)}\n`,
      0o600,
    );
  }

  async dispose(): Promise<void> {
    if (this.released) return;
    this.released = true;
    try {
      if (this.announced) await this.services.files.remove(join(this.dataDir, 'runtime.json'));
    } finally {
      this.lock.close();
    }
  }

  private async keep(path: string, token: string): Promise<string> {
    await this.services.files.writeAtomic(path, `${token}\n`, 0o600);
    return token;
  }
}
