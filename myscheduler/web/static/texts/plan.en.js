// The texts of the plan in English.

export const text = {
  "plan-action.create": "new",
  "plan-action.delete": "deleted",
  "plan-action.update": "changed",
  "plan.blocked": "blocked",
  "plan.busy": "The service checks other manifests at the moment. Try again in a few seconds.",
  "plan.changes": "What it would do",
  "plan.example": "Insert an example",
  "plan.load": "Starts a day, over all its jobs: {before} before, {after} after",
  "plan.nothing": "Nothing would change",
  "plan.nothing-text": "The jobs are as these manifests declare them, or there is none in them.",
  "plan.placeholder": "Paste manifests, or drop files",
  "plan.problems": "Problems",
  "plan.root-after": "Begins now with",
  "plan.root-before": "Began with",
  "plan.roots": "Chains that begin elsewhere",
  "plan.show": "Show what it would do",
  "plan.valid": "no problems",
  "plan.what": "Check manifests before they are committed. They are taken as a part of the source: other jobs stay as they are. Nothing is stored.",
  "plan.yaml": "Manifests as YAML",
};
