/** The table as a file: into the session's workspace, or to the one who asks. */
import { join } from 'node:path';
import { z } from 'zod';
import type { RunContext } from '../../../types/engine.js';
import { SojournError } from '../../../types/errors.js';
import { byteAnswerSchema } from '../../../types/files.js';
import type { ByteAnswer } from '../../../types/files.js';
import { exportTable, formatSchema } from '../analysis/export.js';
import type { Format } from '../analysis/export.js';
import { scopeOf, scopeParams } from '../analysis/scope.js';
import type { DataEngine } from '../data-engine.js';
import { columnNames, operation } from './params.js';

const suffixes: Readonly<Record<string, Format>> = {
  csv: 'csv',
  tsv: 'tsv',
  json: 'json',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  parquet: 'parquet',
  arrow: 'arrow',
  arrows: 'arrow',
  xlsx: 'excel',
};

const contentTypes: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8',
  tsv: 'text/tab-separated-values; charset=utf-8',
  json: 'application/json',
  jsonl: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
  arrow: 'application/vnd.apache.arrow.stream',
  excel: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};

const columns = columnNames.optional().describe('Columns of the file; all when left out.');

export const exportOperations = [
  operation({
    name: 'save_table',
    access: 'write',
    summary: 'Writes the table, or the rows that match, into a file of the workspace.',
    params: z.strictObject({
      path: z.string().min(1).max(4096),
      format: formatSchema.optional().describe("By the file's suffix when left out."),
      columns,
      ...scopeParams,
    }),
    result: z.object({
      path: z.string(),
      size: z.number().int(),
      created: z.boolean(),
      rows: z.number().int(),
    }),
    run: async (engine, { path, format, columns: names, ...scope }, context) => {
      const { keepFile } = engine.context;
      if (!keepFile) throw new SojournError('not_supported', 'This session has no workspace to write to.');
      const made = await exported(engine, format ?? formatOf(path), names, scope, context);
      try {
        return { ...(await keepFile(path, made.path)), rows: made.rows };
      } finally {
        await engine.services.files.remove(made.path);
      }
    },
  }),
  operation({
    name: 'export_table',
    access: 'read',
    stream: 'answer',
    summary: 'The table, or the rows that match, as a file.',
    params: z.strictObject({ format: formatSchema.default('csv'), columns, ...scopeParams }),
    result: byteAnswerSchema,
    http: [{ method: 'GET', path: '/sessions/:id/table' }],
    run: async (engine, { format, columns: names, ...scope }, context) => {
      const { path } = await exported(engine, format, names, scope, context);
      return answerOf(engine, path, format);
    },
  }),
];

function formatOf(path: string): Format {
  const suffix = path.slice(path.lastIndexOf('.') + 1).toLowerCase();
  const format = suffixes[suffix];
  if (format) return format;
  const known = Object.keys(suffixes).join(', ');
  throw new SojournError('invalid_params', `format: '${path}' does not tell it; suffixes are ${known}.`);
}

async function exported(
  engine: DataEngine,
  format: Format,
  names: readonly string[] | undefined,
  scope: Parameters<typeof scopeOf>[1],
  { signal }: RunContext,
): Promise<{ path: string; rows: number }> {
  const relation = scopeOf(engine, scope, names);
  const path = join(engine.database.folder, `export-${engine.services.ids.uid()}`);
  const { rows } = await exportTable(engine, relation, format, path, { columns: names, signal });
  return { path, rows };
}

/** The file goes with the answer; it is read although the session may be asleep by then. */
async function answerOf(engine: DataEngine, path: string, format: Format): Promise<ByteAnswer> {
  const { files, clock } = engine.services;
  const held = await files.holdFile(path);
  await files.remove(path);
  const { size } = held.stat;
  const suffix = format === 'excel' ? 'xlsx' : format;
  return {
    name: `table.${suffix}`,
    size,
    content_type: contentTypes[format],
    modified_at: new Date(clock.now()).toISOString(),
    tag: engine.services.ids.uid(),
    bytes: (start, end) => held.pieces(start, end),
    dispose: () => held.dispose(),
  };
}
