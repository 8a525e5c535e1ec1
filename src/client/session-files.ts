/** The files of one session, as its user holds them; the same whether the server is embedded or far away. */
import type {
  ByteSource,
  DownloadedFile,
  ICaller,
  ISessionFolder,
  ListFilesOptions,
  WriteCallOptions,
} from '../types/client.js';
import type { DeletedFile, FileContent, FileList, WrittenFile } from '../types/files.js';
import type { WriteReceipt } from '../types/session.js';
import { camelize, snakeize } from './casing.js';

type Wire<T> = T & WriteReceipt & { full_path: string };

export class SessionFolder implements ISessionFolder {
  constructor(
    private readonly caller: ICaller,
    private readonly id: string,
  ) {}

  async list(path = '', options: ListFilesOptions = {}) {
    const answer = await this.ask<FileList>('list_files', { path, ...snakeize(options) });
    return { ...answer, files: answer.files.map((file) => camelize(file)) };
  }

  async read(path: string, options: { maxBytes?: number; offset?: number } = {}) {
    return camelize(await this.ask<FileContent>('read_file', { path, ...snakeize(options) }));
  }

  async write(path: string, content: string | Uint8Array, options?: WriteCallOptions) {
    if (typeof content !== 'string') return this.upload(path, content, options);
    return camelize(await this.ask<Wire<WrittenFile>>('write_file', { path, content }, options));
  }

  async saveScript(name: string, content: string, options?: WriteCallOptions) {
    return camelize(await this.ask<Wire<WrittenFile>>('save_script', { name, content }, options));
  }

  async delete(path: string, options: WriteCallOptions & { recursive?: boolean } = {}) {
    const { recursive = false, ...write } = options;
    return camelize(await this.ask<DeletedFile & WriteReceipt>('delete_file', { path, recursive }, write));
  }

  async upload(path: string, source: ByteSource, options?: WriteCallOptions) {
    const params = { session_id: this.id, path };
    const answer = await this.caller.upload('upload_file', params, source, options);
    return camelize(answer as Wire<WrittenFile>);
  }

  download(path: string, options: { start?: number; end?: number } = {}): Promise<DownloadedFile> {
    return this.caller.download('download_file', { session_id: this.id, path }, options);
  }

  /** The shape of an answer is the catalogue's promise, kept by both ends. */
  private async ask<T>(
    operation: string,
    params: Record<string, unknown>,
    options?: WriteCallOptions,
  ): Promise<T> {
    return (await this.caller.call(operation, { ...params, session_id: this.id }, options)) as T;
  }
}
