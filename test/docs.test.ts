/** The written decisions keep their form: four headings each, and a link where one was superseded. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';

const folder = 'docs/adr';
const headings = ['Context', 'Decision', 'Alternatives', 'Consequences'];

async function decisions(): Promise<{ name: string; text: string }[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(folder, name), 'utf8') })));
}

const headingsOf = (text: string) => [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1]);

describe('decisions (docs/adr)', () => {
  it('have the four headings in order, and a number and title that agree with the file name', async () => {
    const found = await decisions();
    expect(found.length).to.be.greaterThan(2);
    for (const { name, text } of found) {
      expect(headingsOf(text), name).to.deep.equal(headings);
      expect(name).to.match(/^\d{4}-[a-z0-9-]+\.md$/);
      expect(text.startsWith(`# ${name.slice(0, 4)} `), name).to.equal(true);
    }
  });

  it('are numbered without gap or duplicate', async () => {
    const numbers = (await decisions()).map(({ name }) => Number(name.slice(0, 4)));
    expect(numbers).to.deep.equal(numbers.map((_, index) => index));
  });

  it('link to what took their place when they are superseded', async () => {
    for (const { name, text } of await decisions()) {
      if (name.startsWith('0000-') || !/^superseded/im.test(text)) continue;
      expect(text, name).to.match(/^Superseded by \[\d{4}\]\(\d{4}-[a-z0-9-]+\.md\)/m);
    }
  });

  it('link only to files that exist', async () => {
    const found = await decisions();
    const names = new Set(found.map(({ name }) => name));
    const links = found
      .filter(({ name }) => !name.startsWith('0000-'))
      .flatMap(({ text }) => [...text.matchAll(/\]\((\d{4}-[^)]+)\)/g)].map((match) => match[1] ?? ''));
    expect(links.filter((link) => !names.has(link))).to.deep.equal([]);
  });
});
