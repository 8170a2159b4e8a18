namespace Sluice.Fuzz.Engine;

/// <summary>Makes an input smaller while it still does what it did.</summary>
internal static class Shrink
{
    /// <param name="input">Does it.</param>
    /// <param name="tries">Most calls of the predicate.</param>
    /// <param name="stillDoes">Whether a smaller input does it too.</param>
    public static byte[] Bytes(byte[] input, int tries, Predicate<byte[]> stillDoes)
    {
        byte[] best = input;
        bool smaller = true;
        while (smaller)
        {
            smaller = false;
            for (int piece = Math.Max(1, best.Length / 2); piece > 0; piece /= 2)
            {
                for (int at = 0; at + piece <= best.Length;)
                {
                    if (tries-- <= 0)
                        return best;
                    byte[] without = [.. best.AsSpan(0, at), .. best.AsSpan(at + piece)];
                    if (stillDoes(without))
                    {
                        best = without;
                        smaller = true;
                    }
                    else
                    {
                        at += piece;
                    }
                }
            }
        }

        return best;
    }
}
