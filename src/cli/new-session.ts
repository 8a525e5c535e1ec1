/** `sojourn new`: a session of any kind, and a table from a file here or on the server. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { snakeize } from '../client/casing.js';
import type { CreateSessionOptions } from '../types/client.js';
import { SojournError } from '../types/errors.js';
import { globalOptions, withClient } from './context.js';
import { jsonObject } from './json-argument.js';
import { printJson, printLine } from './output.js';

interface NewOptions {
  id?: string;
  name?: string;
  interface?: string;
  directory?: string;
  data?: string;
  source?: string;
  index?: string;
}

export function addNewSession(program: Command): void {
  program
    .command('new')
    .description('Create a session.')
    .argument('[kind]', 'its kind; default python, or data where a table is named')
    .option('--id <id>', 'its id; chosen by the server when left out')
    .option('--name <name>', 'a name for people')
    .option('--interface <file>', 'an interface file below the data roots of the server')
    .option('--directory <folder>', 'the folder of the interface file')
    .option('--data <file>', 'a file from here: csv, tsv, json, jsonl, parquet, xlsx, yaml …')
    .option('--source <json>', 'how a table is loaded, as a section of an interface file')
    .option('--index <column>', 'the column whose values are the labels of the rows')
    .action(async (kind: string | undefined, own: NewOptions, command: Command) => {
      const options = globalOptions(command);
      const request = await requestOf(kind, own);
      const info = await withClient(options, async (client) => (await client.createSession(request)).info());
      if (options.json === true) printJson(snakeize(info));
      else printLine(info.sessionId);
    });
}

async function requestOf(kind: string | undefined, own: NewOptions): Promise<CreateSessionOptions> {
  const { id, name, interface: interfaceFile, directory, data, source, index } = own;
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(id === undefined ? {} : { sessionId: id }),
    ...(name === undefined ? {} : { name }),
    ...(interfaceFile === undefined ? {} : { interfaceFile }),
    ...(directory === undefined ? {} : { directory }),
    ...(source === undefined
      ? {}
      : { dataSource: jsonObject(source, 'The source', '{"type": "csv", "filename": "sales.csv"}') }),
    ...(index === undefined ? {} : { index }),
    ...(data === undefined ? {} : await fileOf(data)),
  };
}

/** As it is read, however large. @throws file_not_found */
async function fileOf(path: string): Promise<Pick<CreateSessionOptions, 'file' | 'fileName'>> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true) throw new SojournError('file_not_found', `File not found: ${path}`, { path });
  return { file: piecesOf(path), fileName: basename(path) };
}

/** Opened when it is sent. */
async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  for await (const piece of createReadStream(path)) yield piece as Uint8Array;
}
