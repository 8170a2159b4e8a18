using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>Random streams, valid and damaged: the same values or the same refusal as the oracle, whatever the cuts.</summary>
public sealed class GeneratedStreamTests
{
    private static readonly RespLimits Limits = new() { MaxBulkBytes = 500, MaxElements = 200, MaxDepth = 9, MaxFrameBytes = 5000, MaxLineBytes = 100 };

    [Theory]
    [InlineData(1, 4000)]
    [InlineData(2, 4000)]
    public void A_valid_stream_is_read_as_the_oracle_reads_it(int seed, int streams)
    {
        Random random = new(seed);
        FrameTree frames = new(random, FrameFeatures.All, maxDepth: 6);
        for (int stream = 0; stream < streams; stream++)
        {
            int count = random.Next(1, 4);
            byte[] bytes = [.. Enumerable.Range(0, count).SelectMany(_ => frames.Next(push: random.Next(8) == 0))];
            Outcome outcome = Chunkings.AssertSame(bytes, RespLimits.Default, random, ways: 6);
            Assert.False(outcome.Rejected, Notation.Escape(bytes));
            Assert.Equal(count, outcome.Values.Count);
            Assert.Equal(bytes.Length, outcome.Consumed);
        }
    }

    [Theory]
    [InlineData(11, 15000)]
    [InlineData(12, 15000)]
    public void A_damaged_stream_is_read_or_refused_as_the_oracle_does(int seed, int streams)
    {
        Random random = new(seed);
        FrameTree frames = new(random, FrameFeatures.All, maxDepth: 5);
        int refused = 0;
        for (int stream = 0; stream < streams; stream++)
        {
            byte[] bytes = Mutation.Apply([.. frames.Next(), .. frames.Next(push: stream % 5 == 0)], random);
            if (Chunkings.AssertSame(bytes, Limits, random, ways: 5).Rejected)
                refused++;
        }

        // A generator that only makes noise, or none, would prove nothing.
        Assert.InRange(refused, streams / 10, streams * 9 / 10);
    }

    // Bytes of the alphabet of the protocol, without any structure; FsCheck shrinks what it finds.
    [Fact]
    public void Any_bytes_are_read_or_refused_as_the_oracle_does()
    {
        string[] words = ["\r\n", "\r", "\n", ":", "+", "-", "$", "*", "_", "#", "t", ",", "(", "!", "=", "txt:", "%", "~", "|", ">", ";", ".", "?", "0", "1", "2", "-1", "inf", "e", "$1\r\na\r\n", ":1\r\n", "*?\r\n", "$?\r\n", ".\r\n", ";0\r\n", "|1\r\n", "*2\r\n"];
        Arbitrary<string[]> streams = Gen.Elements(words).ArrayOf().ToArbitrary();
        Prop.ForAll(streams, stream =>
        {
            Chunkings.AssertSame(Chunkings.Bytes(string.Concat(stream)), Limits);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000).WithEndSize(24).WithReplay(20261121, 7));
    }
}
