using Sluice.Aggregates.Fields;

namespace Sluice;

/// <summary>
/// The laws that make totals of an <see cref="IOpaqueState{TSelf}"/> independent of how engines and coordinators happened to group its contributions.
/// For an application's tests: give it states that differ in everything that the merge looks at, made by hand or by a generator of a property test.
/// </summary>
public static class OpaqueStateLaws
{
    private const int LongestShown = 48;

    /// <summary>
    /// Checks every sample, every pair and every triple of samples, <see cref="IOpaqueState{TSelf}.Empty"/> among them: what was written is read back as
    /// it was; <see cref="IOpaqueState{TSelf}.Empty"/> changes nothing on either side; a merge gives the same result every time; merges are associative;
    /// and commutative, unless the type declares <see cref="MergeOrder.Arrival"/>. Takes time by the third power of the number of samples; 10 to 30 are
    /// usually enough.
    /// </summary>
    /// <typeparam name="T">The state.</typeparam>
    /// <param name="samples">The states.</param>
    /// <param name="comparer">When two states are the same; without one, when they are written as the same bytes.</param>
    /// <exception cref="OpaqueLawException">A law does not hold; the message shows the samples.</exception>
    /// <exception cref="OpaqueStateException">The state's code threw, or wrote too many bytes.</exception>
    public static void Check<T>(IEnumerable<T> samples, IEqualityComparer<T>? comparer = null)
        where T : IOpaqueState<T>
    {
        ArgumentNullException.ThrowIfNull(samples);

        // As bytes, because a merge may change what it is given: each use reads its own.
        byte[][] all = [OpaqueCodec<T>.Write(T.Empty), .. samples.Select(OpaqueCodec<T>.Write)];
        Law<T> law = new(comparer);
        foreach (byte[] a in all)
        {
            law.Hold("what was written is read back as it was", OpaqueCodec<T>.Write(OpaqueCodec<T>.Read(a)), a, a);
            law.Hold("Empty changes nothing when it comes first", Merged<T>(all[0], a), a, a);
            law.Hold("Empty changes nothing when it comes last", Merged<T>(a, all[0]), a, a);
            foreach (byte[] b in all)
            {
                law.Hold("a merge gives the same result every time", Merged<T>(a, b), Merged<T>(a, b), a, b);
                if (T.Order == MergeOrder.Any)
                    law.Hold("merges are commutative (or declare MergeOrder.Arrival)", Merged<T>(a, b), Merged<T>(b, a), a, b);
                foreach (byte[] c in all)
                    law.Hold("merges are associative", Merged<T>(Merged<T>(a, b), c), Merged<T>(a, Merged<T>(b, c)), a, b, c);
            }
        }
    }

    private static byte[] Merged<T>(byte[] earlier, byte[] later)
        where T : IOpaqueState<T> => OpaqueCodec<T>.Write(OpaqueCodec<T>.Merge(OpaqueCodec<T>.Read(earlier), OpaqueCodec<T>.Read(later)));

    private readonly struct Law<T>(IEqualityComparer<T>? comparer)
        where T : IOpaqueState<T>
    {
        public void Hold(string law, byte[] left, byte[] right, params ReadOnlySpan<byte[]> samples)
        {
            if (left.AsSpan().SequenceEqual(right) || (comparer is not null && comparer.Equals(OpaqueCodec<T>.Read(left), OpaqueCodec<T>.Read(right))))
                return;
            string shown = string.Join(" and ", samples.ToArray().Select(Shown));
            throw new OpaqueLawException(law, $"{typeof(T).Name}: '{law}' does not hold with {shown}: {Shown(left)} is not {Shown(right)}.");
        }

        private static string Shown(byte[] bytes)
        {
            string hex = bytes.Length == 0 ? "(no bytes)" : Convert.ToHexString(bytes.AsSpan(0, Math.Min(bytes.Length, LongestShown))) + (bytes.Length > LongestShown ? "..." : "");
            return OpaqueCodec<T>.Read(bytes)?.ToString() is { } text && text != typeof(T).ToString() ? $"{text} [{hex}]" : hex;
        }
    }
}
