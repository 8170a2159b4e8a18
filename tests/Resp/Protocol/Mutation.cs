namespace Sluice.Resp.Tests.Protocol;

/// <summary>Small damages to a valid stream, of the kinds that networks, proxies and broken servers do.</summary>
internal static class Mutation
{
    private static readonly byte[] Telling = "\r\n:+-$*_#,(!=%~|>;.?0123456789eint \0\xFF"u8.ToArray();

    public static byte[] Apply(byte[] valid, Random random)
    {
        List<byte> bytes = [.. valid];
        for (int damages = random.Next(1, 4); damages > 0 && bytes.Count > 0; damages--)
        {
            int at = random.Next(bytes.Count);
            int length = Math.Min(random.Next(1, 6), bytes.Count - at);
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] = Telling[random.Next(Telling.Length)];
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.Insert(at, Telling[random.Next(Telling.Length)]);
                    break;
                case 3:
                    bytes.RemoveRange(at, length);
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 5:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    List<byte> moved = bytes.GetRange(at, length);
                    bytes.RemoveRange(at, length);
                    bytes.InsertRange(random.Next(bytes.Count + 1), moved);
                    break;
            }
        }

        return [.. bytes];
    }
}
