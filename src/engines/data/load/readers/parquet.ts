/** Parquet: columns keep the types that they have. */
import { isFloat } from '../../dtypes.js';
import { textLiteral } from '../../sql-text.js';
import { fieldName } from '../../store.js';
import type { FoundFile } from '../confined-paths.js';
import type { Frame } from '../frame.js';
import { framed } from '../frame-tables.js';
import { loadErrors } from '../load-errors.js';
import type { Workbench } from '../workbench.js';

export async function readParquet(bench: Workbench, file: FoundFile): Promise<Frame> {
  const { database, context } = bench;
  const path = textLiteral(file.path);
  const scan = `read_parquet(${path}, hive_partitioning = false)`;
  const described = await database.read(`DESCRIBE SELECT * FROM ${scan}`, [], context.signal);
  const types = (described.columns[1] ?? []).map(String);
  if (types.length === 0) throw loadErrors.data(`'${file.path}' has no columns.`, { path: file.path });
  const fields = types.map((_type, at) => fieldName(at));
  const cells = types.map((type, at) => {
    const field = fieldName(at);
    return isFloat(type) ? `nullif(${field}, 'nan'::${type}) AS ${field}` : field;
  });
  const table = await bench.create(`SELECT ${cells.join(', ')} FROM ${scan} AS t(${fields.join(', ')})`);
  const names = await topNames(bench, path);
  return framed(
    table,
    types.map((type, at) => ({ name: names[at] ?? `column ${at}`, type })),
  );
}

/** As the file has them: the database tells `a` from `A` by another name for one of them. */
async function topNames(bench: Workbench, path: string): Promise<string[]> {
  const { columns } = await bench.database.read(
    `SELECT name, coalesce(num_children, 0)::INTEGER FROM parquet_schema(${path})`,
    [],
    bench.context.signal,
  );
  const [found = [], children = []] = columns;
  const names = found.map(String);
  const top: string[] = [];
  let at = 1;
  const pass = (): void => {
    let inside = Number(children[at] ?? 0);
    at += 1;
    for (; inside > 0; inside -= 1) pass();
  };
  while (at < names.length) {
    top.push(names[at] ?? '');
    pass();
  }
  return top;
}
