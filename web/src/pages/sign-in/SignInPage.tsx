import { useState } from 'react';

import { isFirstVisit } from '../../app/session';
import { Logo } from '../../parts/Logo';
import classes from './SignIn.module.css';
import { SignInForm } from './SignInForm';
import { WhereIsTheKey } from './WhereIsTheKey';

/** SignInPage is what a browser without a session sees. To one that comes for the first time it says where the key is. */
export function SignInPage() {
  const [first] = useState(isFirstVisit);
  return (
    <main className={classes.page}>
      <div>
        <Logo />
        <h1>{first ? 'Welcome to Dream Server' : 'Sign in'}</h1>
        {first && <p className={classes.lead}>It runs. To see what it does, and to install what it shall do, sign in with its key.</p>}
        <SignInForm />
        <details className={classes.details} open={first}>
          <summary>Where is the key?</summary>
          <WhereIsTheKey />
        </details>
      </div>
    </main>
  );
}
