using System.Text.RegularExpressions;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>RESP2 against the reader that most clients of the field stand on: the same values, or both refuse.</summary>
public sealed partial class HiredisDifferentialTests
{
    // It skips two bytes behind a payload, whatever they are, and takes a bare CR or LF for a part of a line.
    private static readonly string[] NeverLookedAt = ["A payload is not followed by a line break", "A carriage return without", "A bare line feed"];

    private readonly Hiredis _hiredis;

    public HiredisDifferentialTests()
    {
        Hiredis? hiredis = Hiredis.Load();
        Assert.SkipUnless(hiredis is not null, Hiredis.Unavailable);
        _hiredis = hiredis!;
    }

    [Fact]
    public void Valid_streams_have_the_same_values()
    {
        Random random = new(21);
        FrameTree frames = new(random, FrameFeatures.Resp2, maxDepth: 6);
        for (int stream = 0; stream < 5000; stream++)
        {
            byte[] bytes = [.. frames.Next(), .. frames.Next(), .. frames.Next()];
            int[] arrivals = [random.Next(1, bytes.Length), bytes.Length];
            Outcome product = ProductReader.ReadAll(bytes, RespLimits.Default, arrivals, [], out _);
            Assert.False(product.Rejected);
            Assert.Equal(3, product.Values.Count);
            Assert.Equal(_hiredis.ReadAll(bytes, arrivals).Values, OneNull(product));
        }
    }

    [Fact]
    public void Damaged_streams_have_the_same_values_up_to_the_same_refusal()
    {
        Random random = new(22);
        FrameTree frames = new(random, FrameFeatures.Resp2, maxDepth: 5);
        int bothRefused = 0;
        for (int stream = 0; stream < 20_000; stream++)
        {
            byte[] bytes = Mutation.Apply([.. frames.Next(), .. frames.Next()], random);
            if (bytes.Length == 0)
                continue;
            Outcome product = ProductReader.ReadAll(bytes, RespLimits.Default, [bytes.Length], [], out _);
            Outcome hiredis = _hiredis.ReadAll(bytes, [bytes.Length]);
            string[] values = OneNull(product);
            string seen = $"{Notation.Escape(bytes)}\nproduct {product}\nhiredis {hiredis}";

            int common = Math.Min(values.Length, hiredis.Values.Count);
            Assert.True(values.Take(common).SequenceEqual(hiredis.Values.Take(common)), seen);
            if (hiredis.Values.Count > common)
            {
                // hiredis reads on where the product refuses: only where it doesn't look.
                Assert.True(product.Rejected, seen);
                Assert.True(IsNeverLookedAt(FaultIn(bytes)), seen);
            }
            else if (product.Rejected && !hiredis.Rejected)
            {
                // hiredis still waits: for the end of a line that can't become valid any more, or for a payload above the limit.
                RespProtocolException fault = FaultIn(bytes);
                bool lineIsOpen = fault.Offset > bytes.AsSpan().LastIndexOf("\r\n"u8);
                bool aboveLimit = fault.Message.Contains(nameof(RespLimits), StringComparison.Ordinal);
                Assert.True(lineIsOpen || aboveLimit || IsNeverLookedAt(fault), seen);
            }
            else if (values.Length > common || (hiredis.Rejected && !product.Rejected))
            {
                // Only hiredis refuses: types of RESP3, streamed values, and numbers that begin with a plus or a zero.
                Assert.True(Resp3OrOddNumber().IsMatch(Notation.Escape(bytes)), seen);
            }

            if (product.Rejected && hiredis.Rejected)
                bothRefused++;
        }

        Assert.True(bothRefused > 2000, $"only {bothRefused} streams were refused by both");
    }

    private static string[] OneNull(Outcome outcome) => [.. outcome.Values.Select(value => Nulls().Replace(value, Notation.Null))];

    private static bool IsNeverLookedAt(RespProtocolException fault) =>
        NeverLookedAt.Any(never => fault.Message.StartsWith(never, StringComparison.Ordinal));

    private static RespProtocolException FaultIn(byte[] bytes)
    {
        FrameScanner scanner = new(RespLimits.Default);
        ReadOnlySpan<byte> rest = bytes;
        try
        {
            while (scanner.TryScan(rest, out Frame frame))
                rest = rest[(int)frame.Length..];
        }
        catch (RespProtocolException fault)
        {
            return fault;
        }

        throw new InvalidOperationException("The stream was refused before.");
    }

    [GeneratedRegex(@"null[$*]")]
    private static partial Regex Nulls();

    [GeneratedRegex(@"(^|\\0a)([_#,(!=%~|>]|[$*]\?|[:$*][+-]?0[0-9]|[:$*]\+|:-0)")]
    private static partial Regex Resp3OrOddNumber();
}
