import type { Item } from '../../api/types';
import { Prose } from '../../parts/Prose';
import classes from './Detail.module.css';
import { RatingHelp } from './parts';
import { costsOf, type Finding, ratingWords } from './rating';

/** RatingWhy is a rating and each fact that cost it points. */
export function RatingWhy({ rating, findings }: { rating: number | undefined; findings: readonly Finding[] | null | undefined }) {
  if (!rating) return null;
  const costs = costsOf(findings);
  return (
    <div>
      <strong>Rating {rating} of 8.</strong> {ratingWords(rating)}{costs.length > 0 ? ':' : '.'}
      {costs.length > 0 && <Findings items={costs} />}
      <RatingHelp />
    </div>
  );
}

/** Refusals is why the security scan lets an extension do nothing. */
export function Refusals({ items }: { items: readonly Item[] }) {
  return (
    <div>
      <strong>The security scan refuses it:</strong>
      <Findings items={items} fixes />
    </div>
  );
}

function Findings({ items, fixes = false }: { items: readonly Item[]; fixes?: boolean }) {
  return (
    <ul className={classes.findings}>
      {items.map((item, i) => (
        <li key={i} className="name">
          {item.service && <code>{item.service}</code>} <Prose text={item.message} />
          {fixes && item.fix && (
            <span className={classes.small}>
              {' '}
              <Prose text={item.fix} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
