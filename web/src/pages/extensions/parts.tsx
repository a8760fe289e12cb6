// Small parts that the catalogue and the pages of an extension share.
import { Shield } from 'lucide-react';

import type { Entry } from '../../api/types';
import { iconOf } from '../../parts/icons';
import { grantOf } from '../../operations/grants';
import { ratingWords } from './rating';
import classes from './Extensions.module.css';

/** Tile is an extension's icon: that of its first feature. */
export function Tile({ entry, large = false }: { entry: Pick<Entry, 'features'>; large?: boolean }) {
  const Icon = iconOf(entry.features?.[0]?.icon);
  return (
    <span className={classes.tile} data-large={large || undefined}>
      <Icon size={large ? 26 : 20} strokeWidth={1.75} aria-hidden="true" />
    </span>
  );
}

/** Rating is how little an extension may do and how well it is made: 8 is best. */
export function Rating({ rating }: { rating: number | undefined }) {
  if (!rating) return null;
  return (
    <span className={classes.badge} data-tone={rating >= 6 ? 'good' : rating >= 4 ? 'warn' : 'bad'} title={ratingWords(rating)}>
      <Shield size={12} aria-hidden="true" />
      <span aria-hidden="true">{rating}/8</span>
      <span className="visually-hidden">Rating {rating} of 8</span>
    </span>
  );
}

/** RatingHelp explains the figure to who wants to know. */
export function RatingHelp() {
  return (
    <details className={classes.help}>
      <summary>What the ratings mean</summary>
      <p>
        A rating says how little an extension may do on this machine and how well it is packed, from 8, the best, to 1. It begins with 8
        and loses points for facts: an image without a fixed version or digest, no limit on memory, no health check, the GPU, an image that is
        built here, access to programs of this machine, a port that is open to the network. It says nothing about how good the program is.
      </p>
    </details>
  );
}

/** GrantBadges names what an extension may do beyond what every extension may. */
export function GrantBadges({ grants }: { grants: readonly string[] }) {
  return grants.map((grant) => {
    const { short, may } = grantOf(grant);
    return (
      <span key={grant} className={classes.badge} data-tone="plain" title={`It may ${may}`}>
        {short}
      </span>
    );
  });
}
