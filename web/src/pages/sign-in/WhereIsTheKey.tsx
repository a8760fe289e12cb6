import classes from './SignIn.module.css';

/** WhereIsTheKey says how to get at a key, and how to make one that may less. */
export function WhereIsTheKey() {
  return (
    <div className={classes.where}>
      <p>
        The installation made a key for you. On the machine that Dream Server runs on, as root or as its owner, in the folder that it was
        installed from:
      </p>
      <pre>./install/bin/dream key show</pre>
      <p>
        Elsewhere, it is <code>bin/dream</code> in the installation&rsquo;s folder. The key is also <code>DASHBOARD_API_KEY</code> in its{' '}
        <code>.env</code>.
      </p>
      <p>For somebody who shall look and change nothing, make a key of its own:</p>
      <pre>./install/bin/dream key add guest --scope read</pre>
      <p>This browser keeps a session, not the key.</p>
    </div>
  );
}
