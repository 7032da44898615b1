package soak
