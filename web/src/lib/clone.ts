/* In the place of a package that does the same where browsers cannot. */
export default structuredClone;
