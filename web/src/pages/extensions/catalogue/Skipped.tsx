import type { Catalog } from '../../../api/types';
import { list } from '../../../api/types';
import { count } from '../../../parts/format';
import { Section } from '../../../parts/Section';
import classes from './Catalogue.module.css';

/** Skipped names the folders that take no part although somebody put them there, and why. */
export function Skipped({ skipped }: { skipped: Catalog['skipped'] }) {
  const wrong = list(skipped).filter(({ warning }) => warning);
  if (wrong.length === 0) return null;
  return (
    <Section title="Folders that take no part" aside={count(wrong.length, 'folder')}>
      <ul className={`plain-list ${classes.skipped}`}>
        {wrong.map(({ id, path, reason }, i) => (
          <li key={`${path}${i}`} className="card">
            <strong className="name">{id || path}</strong> <code className="name">{path}</code>
            <p className="name">{reason}</p>
          </li>
        ))}
      </ul>
    </Section>
  );
}
