"use client";

import { useState } from "react";

export function Post({ text, limit }: { text: string; limit: number }) {
  const [isCopied, setIsCopied] = useState(false);

  async function copy() {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
  }

  return (
    <div className="post">
      <p className="text">{text}</p>
      <p className="actions">
        <span className="count">{`${[...text].length}/${limit} caractères`}</span>
        <button type="button" onClick={copy}>{isCopied ? "Copié" : "Copier"}</button>
      </p>
    </div>
  );
}
