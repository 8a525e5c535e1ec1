/**
 * A relation as an Arrow IPC stream: the schema, then a batch for each piece that DuckDB gives. The index is the first
 * column, and the schema's metadata tell its name.
 */
import { nextTurn } from '../turns.js';
import type * as ArrowLibrary from 'apache-arrow';
import type { RecordBatch, Schema } from 'apache-arrow';
import type { DataEngine } from '../data-engine.js';
import { inRowOrder } from '../relation.js';
import type { Relation } from '../relation.js';
import { fieldsOf } from './export-fields.js';
import { arrowColumn } from './arrow-columns.js';
import { uniqueNames } from './names.js';

type Arrow = typeof ArrowLibrary;

export interface ArrowOptions {
  /** All when left out. */
  readonly columns?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws as `Database.read` */
export async function* arrowStream(
  engine: Pick<DataEngine, 'database'>,
  relation: Relation,
  { columns: chosen, signal }: ArrowOptions = {},
): AsyncGenerator<Uint8Array> {
  const arrow = await import('apache-arrow');
  const given = fieldsOf(relation, chosen);
  const names = uniqueNames(given.map(({ name }) => name));
  const columns = given.map(({ type }) => arrowColumn(arrow, type));
  const fields = columns.map((column, at) => new arrow.Field(names[at] ?? '', column.type, true));
  const metadata = relation.version.index ? [['index', names[0] ?? ''] as const] : [];
  const schema = new arrow.Schema(fields, new Map(metadata));
  const messages = new Messages(arrow, schema);
  // With the first batch: a query that cannot be answered fails before anything was sent.
  let head: Uint8Array = messages.begin();
  const select = columns.map((column, at) => column.sql(given[at]?.ref ?? '')).join(', ') || '1';
  for await (const chunk of engine.database.stream(
    `SELECT ${select} FROM ${inRowOrder(relation)}`,
    [],
    signal,
  )) {
    const vectors = columns.map((_column, at) => chunk.getColumnVector(at));
    const children = [];
    for (const [at, column] of columns.entries()) {
      const vector = vectors[at];
      if (vector) children.push(column.data(vector, chunk.rowCount));
      if (at % columnsAtOnce === columnsAtOnce - 1) await nextTurn();
    }
    const struct = new arrow.Struct(fields);
    const data = arrow.makeData({ type: struct, length: chunk.rowCount, nullCount: 0, children });
    yield Buffer.concat([head, messages.batch(new arrow.RecordBatch(schema, data))]);
    head = new Uint8Array();
    await nextTurn();
  }
  yield Buffer.concat([head, messages.end()]);
}

/** Of a chunk of 2048 rows, between turns of others. */
const columnsAtOnce = 8;

/** What Arrow's writer puts out, taken as it comes: its own queue would have to be waited for. */
class Messages {
  private readonly parts: Uint8Array[] = [];
  private readonly writer;

  constructor(arrow: Arrow, schema: Schema) {
    this.writer = new arrow.RecordBatchStreamWriter();
    const queue = new arrow.AsyncByteQueue();
    queue.write = (bytes) => {
      if (bytes instanceof Uint8Array) this.parts.push(bytes);
    };
    this.writer.reset(queue, schema);
  }

  begin(): Uint8Array {
    return this.taken();
  }

  batch(batch: RecordBatch): Uint8Array {
    this.writer.write(batch);
    return this.taken();
  }

  end(): Uint8Array {
    this.writer.finish();
    return this.taken();
  }

  private taken(): Uint8Array {
    return Buffer.concat(this.parts.splice(0));
  }
}
