using System.Text;
using Sluice.Hashing;
using Xunit;

namespace Sluice.Tests.Hashing;

/// <summary>Prevents: two versions or two languages putting one resource into different partitions.</summary>
public sealed class XxHash64Tests
{
    // The first three are published with the algorithm; all were computed with the reference implementation (xxhsum 0.8.1 -H64).
    [Theory]
    [InlineData("", 0xEF46DB3751D8E999)]
    [InlineData("a", 0xD24EC4F1A98C6E5B)]
    [InlineData("abc", 0x44BC2CF5AD770999)]
    public void Text_hashes_as_published(string text, ulong expected) => Assert.Equal(expected, XxHash64.Hash(Encoding.UTF8.GetBytes(text)));

    // Every path: no block, 1-byte, 4-byte and 8-byte tails, whole 32-byte stripes with and without a rest, many stripes.
    [Theory]
    [InlineData(1, 0x1f25c8d0bc1f4bb6)]
    [InlineData(3, 0x31d2363f52e564c9)]
    [InlineData(4, 0x9bb64b7d66ee9fda)]
    [InlineData(7, 0x9a7b149959ce60d8)]
    [InlineData(8, 0xdab99d95c6f90092)]
    [InlineData(12, 0xd52e407833af5133)]
    [InlineData(16, 0x434850232b787be2)]
    [InlineData(31, 0xa2aa5f33cc4a6119)]
    [InlineData(32, 0x23c3c17ef790fd97)]
    [InlineData(33, 0x50a7cfc7ba588784)]
    [InlineData(63, 0x5e3e54b431c7493c)]
    [InlineData(64, 0x0eb64b3ef6eeb01f)]
    [InlineData(100, 0xa61f8d4c170fe531)]
    [InlineData(1000, 0x5f235fa033f1a3fb)]
    public void Every_length_hashes_as_the_reference_does(int length, ulong expected)
    {
        byte[] data = [.. Enumerable.Range(0, length).Select(static i => (byte)((i * 7) + 3))];

        Assert.Equal(expected, XxHash64.Hash(data));
    }
}
