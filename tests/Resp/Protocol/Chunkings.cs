using System.Text;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>Reads the same stream cut in every way that matters, and demands the same outcome, equal to the oracle's.</summary>
internal static class Chunkings
{
    public static byte[] Bytes(string latin1) => Encoding.Latin1.GetBytes(latin1);

    /// <summary>All ways. For streams of up to some hundred bytes: the cost is cubic.</summary>
    public static Outcome AssertSame(byte[] bytes, RespLimits limits)
    {
        Outcome expected = NaiveReader.ReadAll(bytes, limits);
        int[] whole = [bytes.Length];
        int[] each = [.. Enumerable.Range(1, bytes.Length)];
        long fault = AssertOne(bytes, limits, expected, null, whole, []);

        // Two segments, and two arrivals, cut at every byte.
        for (int cut = 1; cut < bytes.Length; cut++)
        {
            AssertOne(bytes, limits, expected, fault, whole, [cut]);
            AssertOne(bytes, limits, expected, fault, [cut, bytes.Length], []);
            AssertOne(bytes, limits, expected, fault, [cut, bytes.Length], [cut]);
        }

        // A byte at a time: one per segment, one more per call, both.
        AssertOne(bytes, limits, expected, fault, whole, each);
        AssertOne(bytes, limits, expected, fault, each, []);
        AssertOne(bytes, limits, expected, fault, each, each);
        return expected;
    }

    /// <summary>Some ways, drawn by chance.</summary>
    public static Outcome AssertSame(byte[] bytes, RespLimits limits, Random random, int ways)
    {
        Outcome expected = NaiveReader.ReadAll(bytes, limits);
        long fault = AssertOne(bytes, limits, expected, null, [bytes.Length], []);
        for (int way = 0; way < ways; way++)
            AssertOne(bytes, limits, expected, fault, [.. Cuts(bytes.Length, random), bytes.Length], way % 3 == 0 ? [] : Cuts(bytes.Length, random));
        return expected;
    }

    private static int[] Cuts(int length, Random random) =>
        [.. Enumerable.Range(0, random.Next(0, 12)).Select(_ => random.Next(1, Math.Max(2, length))).Where(cut => cut < length).Distinct().Order()];

    private static long AssertOne(byte[] bytes, RespLimits limits, Outcome expected, long? expectedFault, int[] arrivals, int[] segments)
    {
        Outcome actual = ProductReader.ReadAll(bytes, limits, arrivals, segments, out long fault);
        bool same = expected.Rejected == actual.Rejected && expected.Consumed == actual.Consumed && expected.Values.SequenceEqual(actual.Values) &&
            (expectedFault is null || expectedFault == fault);
        Assert.True(same, $"{Notation.Escape(bytes)}\narrivals {string.Join(',', arrivals)} segments {string.Join(',', segments)}\nexpected {expected} fault at {expectedFault}\nactual   {actual} fault at {fault}");
        return fault;
    }
}
