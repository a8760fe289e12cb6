import classes from './Meter.module.css';

interface MeterProps {
  /** What is measured, for people who do not see the bar. */
  label: string;
  value: number | null | undefined;
  max?: number;
  /** The figures in words, beside the bar. */
  text: string;
  /** From here on it is drawn as tight, as a part of max. */
  tight?: number;
}

/** Meter shows how much of something is used. Without a value the bar is empty and the text says why. */
export function Meter({ label, value, max = 100, text, tight = 0.9 }: MeterProps) {
  const known = typeof value === 'number' && Number.isFinite(value) && max > 0;
  const part = known ? Math.min(1, Math.max(0, value / max)) : 0;
  return (
    <div className={classes.meter}>
      <div className={classes.line}>
        <span className="name">{label}</span>
        <span className={classes.figures}>{text}</span>
      </div>
      <div
        className={classes.track}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(part * 100)}
        aria-valuetext={text}
        data-tight={part >= tight || undefined}
      >
        <div className={classes.bar} style={{ width: `${part * 100}%` }} />
      </div>
    </div>
  );
}
