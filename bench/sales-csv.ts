/** A csv of any length, the same each time: an id, a name, an age, an amount and a city, about 43 bytes a row. */
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

const cities = ['Lisbon', 'Oslo', 'Kyoto', 'Quito', 'Lagos', 'Perth', 'Turin', 'Cork'];
const rowsAtOnce = 10_000;

/** @returns its bytes */
export async function writeSales(path: string, rows: number): Promise<number> {
  const file = createWriteStream(path);
  let state = 42;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let text = 'id,name,age,amount,city\n';
  for (let row = 0; row < rows; row += 1) {
    const amount = (next(1_000_000) / 100).toFixed(2);
    text += `${row},customer no ${1_000_000 + next(9_000_000)},${18 + next(80)},${amount},${cities[next(cities.length)] ?? ''}\n`;
    if (row % rowsAtOnce !== rowsAtOnce - 1 && row !== rows - 1) continue;
    if (!file.write(text)) await once(file, 'drain');
    text = '';
  }
  file.end();
  await once(file, 'finish');
  return file.bytesWritten;
}
