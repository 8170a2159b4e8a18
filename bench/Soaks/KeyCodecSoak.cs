using System.Diagnostics;
using System.Text;
using Sluice.Aggregates;
using Sluice.Harness;

namespace Sluice.Bench.Soaks;

/// <summary>Random strings of every kind of character against the key codec: two different keys that named one resource would add up strangers' events.</summary>
internal sealed class KeyCodecSoak : ISoak
{
    private const int Batch = 100_000;

    // One, two, three, three and four bytes; the halves of pairs are drawn apart, rarely, or nothing would be accepted.
    private static readonly (int First, int Last)[] Scalars = [(0x00, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)];

    public string Name => "keys";

    public string Claim => "Every string key comes back from its bytes unchanged, and every string that has no faithful bytes is refused.";

    public Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp(), accepted = 0, refused = 0;
        SplitMix64 random = new(context.Seed);
        byte[] bytes = new byte[KeyCodec.MaxBytes];
        while (Stopwatch.GetElapsedTime(began) < context.Duration && !cancellationToken.IsCancellationRequested)
        {
            for (int i = 0; i < Batch; i++)
            {
                string key = RandomKey(ref random, out bool isValid);
                bool wasAccepted = TryRoundTrip(key, bytes, out string back);
                if (wasAccepted != isValid || (wasAccepted && !string.Equals(back, key, StringComparison.Ordinal)))
                    return Task.FromResult(new SoakResult(false, Figures(accepted, refused), $"The key {Escape(key)} was {(wasAccepted ? $"accepted and came back as {Escape(back)}" : "refused")}."));
                accepted += wasAccepted ? 1 : 0;
                refused += wasAccepted ? 0 : 1;
            }

            context.Progress($"{accepted + refused:N0} keys");
        }

        return Task.FromResult(new SoakResult(true, Figures(accepted, refused)));
    }

    private static (string Name, string Value)[] Figures(long accepted, long refused) =>
        [("keys that came back unchanged", $"{accepted:N0}"), ("keys that were rightly refused", $"{refused:N0}")];

    private static bool TryRoundTrip(string key, byte[] bytes, out string back)
    {
        try
        {
            back = KeyCodec.String.Decode(bytes.AsSpan(0, KeyCodec.String.Encode(key, bytes)));
            return true;
        }
        catch (ArgumentException)
        {
            back = ""; // refused, which for some keys is the right answer
            return false;
        }
    }

    private static string RandomKey(ref SplitMix64 random, out bool isValid)
    {
        StringBuilder text = new();
        int length = random.Next(20) == 0 ? random.Next(600) : random.Next(24);
        for (int i = 0; i < length; i++)
        {
            if (random.Next(200) == 0)
            {
                text.Append((char)(0xD800 + random.Next(0x800)));
                continue;
            }

            (int first, int last) = Scalars[random.Next(Scalars.Length)];
            text.Append(char.ConvertFromUtf32(first + random.Next(last - first + 1)));
        }

        string key = text.ToString();
        isValid = Utf8Length(key) is > 0 and <= KeyCodec.MaxBytes;
        return key;
    }

    /// <summary>The length by the definition of UTF-8, not by the encoder that the codec uses; -1 with an unpaired half.</summary>
    private static int Utf8Length(string key)
    {
        int length = 0;
        for (int i = 0; i < key.Length; i++)
        {
            if (char.IsHighSurrogate(key[i]) && i + 1 < key.Length && char.IsLowSurrogate(key[i + 1]))
                (length, i) = (length + 4, i + 1);
            else if (char.IsSurrogate(key[i]))
                return -1;
            else
                length += key[i] < 0x80 ? 1 : key[i] < 0x800 ? 2 : 3;
        }

        return length;
    }

    private static string Escape(string key) => string.Concat(key.Select(c => $"\\u{(int)c:x4}"));
}
