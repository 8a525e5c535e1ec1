/**
 * Recorded file tools, with names, shapes and words of their own, over a session: as thin as can be, so that all else
 * is seen to be the session's own.
 */
import { z } from 'zod';
import type { ISession } from '../../src/types/client.js';
import { isSojournError } from '../../src/types/errors.js';
import { fileContentSchema, fileListSchema } from '../../src/types/files.js';

type Args = Readonly<Record<string, unknown>>;
type Tool = (session: ISession, args: Args) => Promise<Record<string, unknown>>;

const leadsOut = (error: unknown) =>
  isSojournError(error, 'invalid_params') && error.fields.reason === 'outside_workspace';

/** In the words of the tool, which begin with what it was about to do. */
const inWords = (doing: string, words: { outside: string; missing: string }) => (error: unknown) => {
  if (leadsOut(error)) throw new Error(words.outside, { cause: error });
  if (isSojournError(error, 'file_not_found')) throw new Error(words.missing, { cause: error });
  throw new Error(`${doing}: ${isSojournError(error) ? error.detail : String(error)}`, { cause: error });
};

export const fileTools: Readonly<Record<string, Tool>> = {
  run_python_code: async (session, { code }) => {
    const { stdout, stderr, result, newFiles } = await session.execute(String(code), { reportFiles: true });
    const results = result === null ? [] : [result['text/plain']];
    return { stdout, stderr, results, outputs: [], new_files: newFiles };
  },
  write_file: async (session, { path, content, binary_base64 }) => {
    const encoding = binary_base64 === true ? 'base64' : 'utf-8';
    const doing = `Error writing file ${String(path)}`;
    const words = { outside: `${doing}: Path escapes workspace`, missing: `${doing}: not found` };
    const written = session.call('write_file', { path, content, encoding });
    const answer = await session.files.list(await written.then(() => String(path), inWords(doing, words)));
    return { path, size: answer.files[0]?.size };
  },
  read_file: async (session, { path, max_bytes }) => {
    const doing = `Error reading file ${String(path)}`;
    const words = {
      outside: `${doing}: Path escapes workspace`,
      missing: `${doing}: File not found: ${String(path)}`,
    };
    const answer = await session.call('read_file', { path, max_bytes }).catch(inWords(doing, words));
    const { text, base64, binary, encoding } = fileContentSchema.parse(answer);
    return binary ? { base64, binary } : { text, binary, encoding };
  },
  delete_file: async (session, { filename }) => {
    const path = String(filename);
    const words = {
      outside: `Invalid path: ${path} escapes workspace boundaries`,
      missing: `File not found: ${path}`,
    };
    await session.files.delete(path).catch(inWords('Error deleting file', words));
    return { success: true, deleted: true, path };
  },
  list_files: async (session, args) => {
    const path = z.string().default('').parse(args.path);
    const words = {
      outside: `Invalid path: ${path} escapes workspace boundaries`,
      missing: `Path not found: ${path}`,
    };
    const answer = await session
      .call('list_files', { ...args, path })
      .catch(inWords('Error listing files', words));
    const { root, files, tree } = fileListSchema.parse(answer);
    return args.tree === true ? { root, tree } : { root, files: files.map((file) => file.path) };
  },
  save_script: async (session, { name, content }) => {
    const doing = `Error saving script ${String(name)}.py`;
    const words = { outside: `${doing}: Path escapes workspace`, missing: `${doing}: not found` };
    const saved = session.files.saveScript(String(name), String(content));
    const { path, fullPath } = await saved.catch((error: unknown) => inWords(doing, words)(error));
    return { script: path, full_path: fullPath };
  },
};
