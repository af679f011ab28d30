"""Who is speaking, and are these two one person?"""
